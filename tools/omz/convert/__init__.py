"""From a card's original model to an OpenVINO IR that needs nothing around it."""
