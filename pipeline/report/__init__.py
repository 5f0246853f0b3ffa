"""What happened: summary, figures."""
