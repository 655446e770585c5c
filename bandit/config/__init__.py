"""What the user edits: campaign.toml and simulation.toml, parsed and checked."""
