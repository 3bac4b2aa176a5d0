"""Text to nodes: a method for each rule of the ABNF; nothing here knows a model."""
