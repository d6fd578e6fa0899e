"""Tables in which a row is a connection, under whatever names: CSV, Parquet and lines of JSON."""
