"""What engines are asked: prompts made here or read from files, with lengths, turns and shared beginnings."""
