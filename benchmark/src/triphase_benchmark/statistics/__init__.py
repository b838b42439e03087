"""What can be said of numbers, and how surely: functions of arrays alone, the one home of all statistics."""
