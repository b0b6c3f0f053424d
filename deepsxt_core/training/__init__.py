"""Training the network.

By `keras.ops` and Keras' own training step alone, so that the TensorFlow, JAX and PyTorch
backends all run it. Data sets, splits and parameters load no Keras; the rest does.
"""
