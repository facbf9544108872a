"""One file a device on a wire: small synchronous objects that hold no policy."""
