"""What requests and answers carry beside URL and entities, and what of the protocol is offered."""
