"""The entrance: a card, a temperature, a booking and a place in the room decide over one lane."""
