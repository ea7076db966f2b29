"""Who may come into a shared lab, and what each may do there. Needs neither torch nor a web framework.

`roles` has the table of rights, `classes` the file of a class, `codes` and `lockout` what is typed at the door, `sessions` the
signed cookie, `hosts` the addresses that are answered, and `door` puts them together for the server.
"""
