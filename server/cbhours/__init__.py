"""What CBHours says: who is asked for and when, live answers, activity, and who it knows at all."""
