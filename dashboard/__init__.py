"""The Streamlit app. Never imports tensorflow or keras."""
