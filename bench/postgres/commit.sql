INSERT INTO entries (body) VALUES ('one row');
