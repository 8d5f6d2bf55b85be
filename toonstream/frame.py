"""A frame of video: the decoder's own planes, a time stamp, and RGB where somebody asks for it."""
