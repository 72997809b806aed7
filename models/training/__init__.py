"""How the Action Unit models are made: render, track, align, train, evaluate, export."""
