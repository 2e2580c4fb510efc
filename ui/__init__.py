"""Theme, local assets and widgets shared by the tabs."""
