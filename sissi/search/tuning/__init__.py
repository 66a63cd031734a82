"""Settings of the weak labels, fitted to a few corrected images: the command `sissi tune`."""
