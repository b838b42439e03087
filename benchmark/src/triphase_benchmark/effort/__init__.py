"""Whether an effort changes the length of reasoning: what is asked, how it is counted, and what that says."""
