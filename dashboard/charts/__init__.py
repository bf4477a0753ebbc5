"""Pure functions from results to plotly figures; no streamlit here."""
