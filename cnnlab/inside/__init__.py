"""What a trained network does with one image: functions on a model and a tensor, which know no run and no page."""
