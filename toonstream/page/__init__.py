"""What `toonstream live --to http://...` serves: the stream for OBS, and a page that shows and controls it."""
