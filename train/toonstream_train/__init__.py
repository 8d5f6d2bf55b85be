"""Making styles: data, networks, losses, recipes, the trainer that runs them."""
