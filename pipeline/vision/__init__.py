"""From pictures and video to faces with probabilities. Loads no keras."""
