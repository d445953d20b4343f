"""CBHours: rank, viewers and followers of people who show its trophy, live and for the last 60 days."""
