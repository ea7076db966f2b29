"""What is right and wrong on this machine, for who hosts the lab: each check is a function that returns findings.

`findings` has the values, `machine`, `packages`, `home`, `server`, `school`, `devices` and `executors` the checks, and `examine`
runs them all. Checks take their surroundings as arguments; no run or setting is changed, and torch is loaded in a process of its
own.
"""
