"""What a teacher sees and does: who is stuck, hints and announcements, the machine, the log, results, and the end of a term.

`service` is what pages and commands ask, `board` the table of students that all teachers share. Needs neither torch nor a web
framework.
"""
