"""What a surface is cut from: smooth fields, objects told apart, labels mended."""
