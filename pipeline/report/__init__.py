"""Charts, the HTML report and the model card. No streamlit."""
