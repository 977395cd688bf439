from modelpact.cli import main

main()
