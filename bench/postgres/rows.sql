SELECT id, name, email, points FROM people;
