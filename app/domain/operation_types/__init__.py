"""One file for each type of operation; ``OperationFacts`` says what each field means."""
