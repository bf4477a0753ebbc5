"""HTTP interface: photos in, faces and their emotions out."""
