"""How each provider is spoken to: its calls, its answers and its reports."""
