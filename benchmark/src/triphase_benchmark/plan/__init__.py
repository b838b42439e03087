"""What a run will do, decided before it begins: all requests of all rounds, from one seed."""
