"""What the rounds of two engines say of them: ratios, how surely they are known, and in which words that is told."""
