"""A folder from which CNN Lab is installed and started without a network: wheels, program, data sets. Needs no torch.

start.py  start.sh  start.bat  READ ME.txt   what a student runs and reads (`stick/`)
lab/                                         the program
wheels/                                      every package, for one platform and one version of Python
data/                                        the data sets, as CNNLAB_DATA expects them
pack.json                                    size and SHA-256 of each file, and what the wheels are for
"""
