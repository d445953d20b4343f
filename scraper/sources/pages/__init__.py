"""What the followed cams and the followers have in common: one page of a list, and the reading of a whole one."""
