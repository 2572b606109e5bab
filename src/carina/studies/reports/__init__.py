"""What a radiologist wrote: its sections, and what it says of each finding."""
