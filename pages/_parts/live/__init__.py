"""What browsers that watch a run receive, and the path it takes:

    run/view.py ──── asks ────> Feed (feed.py) ── keeps a LiveRun (snapshot.py) for each run ── reads ──> Lab
         │                        │  refreshed once a second while a browser watches, for all of them at once
         │ draws (plot.py)        │ answers from memory, before Streamlit sees the request
         ▼                        ▼
      plot.js in the browser <── GET news/<token>, each second, or less often where many watch (pace.py)
         └── a revision number differs from the one on the page: the script of run/view.py runs again

A snapshot holds the curves, the progress and two revision numbers. A new `page_revision` means that other buttons have to be
drawn: the browser requests a script run at once. A new `table_revision` means a new epoch or notice: the browser
requests one when the pace allows. The first epoch, which enables a link outside this part, then draws the whole page. Script and
feed send the same bytes, encoded and compressed once.
"""
