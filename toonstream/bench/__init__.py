"""How fast it is on the machine in front of you: turns in processes of their own, and what is made of their figures."""
