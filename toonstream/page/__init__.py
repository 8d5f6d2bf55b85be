"""What `toonstream live --to http://...` serves: the stream for OBS, and a page to see and steer it by."""
