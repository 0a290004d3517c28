"""The commands, one a module. Everything heavy is imported inside the functions: ``isacsim --help`` must be quick."""
