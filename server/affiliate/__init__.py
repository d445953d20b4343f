"""What the affiliate API says about rooms that are online: how a poll is stored, and what is asked of it later."""
