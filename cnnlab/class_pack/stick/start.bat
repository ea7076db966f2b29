@echo off
rem Windows: installs CNN Lab from this folder, without a network, and starts it.
cd /d "%~dp0"
rem Without Python, Windows has a python.exe that only opens its shop; so each is tried first.
py -VERSION_WHOLE -c "" >nul 2>nul && (py -VERSION_WHOLE start.py %* & goto done)
python -c "" >nul 2>nul && (python start.py %* & goto done)
echo Python was not found: install Python VERSION_WHOLE first.
:done
pause
