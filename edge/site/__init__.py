"""What the gates and cabinets of one building share: the contract, the caps, the history."""
