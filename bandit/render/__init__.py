"""Results as a person sees them: terminal tables, pages, figures."""
