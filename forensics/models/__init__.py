"""Tables of forensics itself: nothing here is part of any job."""
