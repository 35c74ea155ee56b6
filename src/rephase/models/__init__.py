"""Networks that turn Patterson maps into densities: how they are built, fed, judged and kept."""
