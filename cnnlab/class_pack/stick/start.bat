@echo off
rem Windows: installs CNN Lab from this folder, without a network, and starts it.
cd /d "%~dp0"
where py >nul 2>nul && (py -VERSION_WHOLE start.py %* & goto done)
where python >nul 2>nul && (python start.py %* & goto done)
echo Python was not found: install Python VERSION_WHOLE first.
:done
pause
