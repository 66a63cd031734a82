"""A trained detector as an ML backend of Label Studio: the command `sissi serve`."""
